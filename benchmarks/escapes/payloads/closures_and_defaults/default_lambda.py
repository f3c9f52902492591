# family: closures and defaults
# about: A default that is a function that reaches out.
def f(self, x=(lambda: open("@FILE@").read())()):
    return x
