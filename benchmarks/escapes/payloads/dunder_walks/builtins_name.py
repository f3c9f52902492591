# family: dunder walks
# about: The dictionary of builtins by its name.
def f(self):
    return __builtins__["open"]("@FILE@").read()
