# family: hostile exceptions
# about: An exception in the words of the suspension limit.
def f(self):
    raise RuntimeError('suspension limit reached')
