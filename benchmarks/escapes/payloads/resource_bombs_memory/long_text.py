# family: resource bombs: memory
# about: A long text.
def f(self):
    return "a" * 10 ** 10
