# family: format walks
# about: A walk with an index.
def f(self):
    return "{0.__init__.__globals__[os]}".format(self)
