# family: resource bombs: depth and output
# about: The same as a key.
def f(self):
    return {7 ** 10 ** 5: 1}
