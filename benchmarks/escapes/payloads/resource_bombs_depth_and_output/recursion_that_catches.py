# family: resource bombs: depth and output
# about: Recursion that catches its end.
def f(self):
    def g():
        try:
            return g()
        except RecursionError:
            return g()
    return g()
