# family: resource bombs: depth and output
# about: A function that calls itself.
def f(self):
    def g(n):
        return g(n + 1)
    return g(0)
