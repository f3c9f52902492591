# family: format walks
# about: A walk in a format string.
def f(self):
    return "{0.__class__.__mro__}".format(self)
