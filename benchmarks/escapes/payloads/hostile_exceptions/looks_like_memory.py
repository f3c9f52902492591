# family: hostile exceptions
# about: An exception that looks like a limit.
def f(self):
    raise MemoryError('memory limit exceeded')
