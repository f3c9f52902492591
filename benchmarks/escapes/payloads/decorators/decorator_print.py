# family: decorators
# about: A decorator that prints the method.
@print
def f(self):
    return 1
