# family: closures and defaults
# about: A default that never ends.
def f(self, x=sum(range(10 ** 12))):
    return x
