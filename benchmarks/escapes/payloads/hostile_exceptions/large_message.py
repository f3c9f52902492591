# family: hostile exceptions
# about: A message of forty megabytes.
def f(self):
    raise ValueError('a' * 40000000)
