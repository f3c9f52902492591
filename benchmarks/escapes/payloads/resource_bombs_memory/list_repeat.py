# family: resource bombs: memory
# about: A long list.
def f(self):
    return [0] * 10 ** 10
