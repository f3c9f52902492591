# family: hostile exceptions
# about: An exception that looks like a limit.
def f(self):
    raise RecursionError('maximum recursion depth exceeded')
