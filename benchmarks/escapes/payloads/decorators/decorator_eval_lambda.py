# family: decorators
# about: A decorator that replaces the method.
@lambda g: (lambda self: open("@FILE@").read())
def f(self):
    return 1
