# family: imports
# about: The interactive interpreter.
def f(self):
    import code
    return code.interact()
