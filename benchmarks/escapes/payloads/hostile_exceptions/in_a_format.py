# family: hostile exceptions
# about: A message that is a format.
def f(self):
    raise ValueError('{0.__class__} {selector.__init__.__globals__} %s %n')
