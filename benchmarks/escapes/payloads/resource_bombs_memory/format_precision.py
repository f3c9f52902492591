# family: resource bombs: memory
# about: A precision.
def f(self):
    return "%.9999999999f" % 1.0
