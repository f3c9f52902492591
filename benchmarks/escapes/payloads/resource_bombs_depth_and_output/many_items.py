# family: resource bombs: depth and output
# about: An answer of many items.
def f(self):
    return [0] * 10 ** 6
