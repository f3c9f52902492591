# family: resource bombs: depth and output
# about: Such keys as the name of an attribute.
def f(self):
    return getattr(self, frozenset(n * (2 ** 61 - 1) for n in range(60000)), None)
