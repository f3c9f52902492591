# family: resource bombs: depth and output
# about: A number of a million digits.
def f(self):
    return 10 ** 10 ** 6
