# family: frames and tracebacks
# about: inspect.stack.
def f(self):
    import inspect
    return inspect.stack()[-1].frame.f_globals
