# family: resource bombs: depth and output
# about: Such keys for a primitive.
def f(self):
    return self.double([{n * (2 ** 61 - 1): 0 for n in range(60000)}])
