# family: decorators
# about: A decorator that runs text.
@exec
def f(self):
    return 1
