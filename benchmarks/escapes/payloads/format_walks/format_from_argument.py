# family: format walks
# about: The format string comes as an argument.
# args: ["{0.__class__.__init__.__globals__}"]
def f(self, x):
    return x.format(self)
