# family: outside
# about: The end of the interpreter.
def f(self):
    quit(3)
