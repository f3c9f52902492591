# family: closures and defaults
# about: A default is evaluated when the method is defined.
def f(self, x=open("@FILE@").read()):
    return x
