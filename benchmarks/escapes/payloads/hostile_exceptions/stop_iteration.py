# family: hostile exceptions
# about: Ends an iteration of the host's.
def f(self):
    raise StopIteration
