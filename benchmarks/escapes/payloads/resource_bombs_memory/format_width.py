# family: resource bombs: memory
# about: A width.
def f(self):
    return "{:>9999999999}".format(1)
