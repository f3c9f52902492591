# family: closures and defaults
# about: A function's defaults, replaced.
def f(self):
    def g(x=1):
        return x
    g.__defaults__ = (2,)
    return g()
