# family: frames and tracebacks
# about: The traceback module.
def f(self):
    import traceback
    return traceback.format_stack()
