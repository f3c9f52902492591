# family: closures and defaults
# about: A function's code, replaced.
def f(self):
    g = lambda: 0
    h = lambda: 1
    g.__code__ = h.__code__
    return g()
