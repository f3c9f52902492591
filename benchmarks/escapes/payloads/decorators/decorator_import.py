# family: decorators
# about: A decorator that imports.
@__import__
def os():
    pass
def f(self):
    return os
