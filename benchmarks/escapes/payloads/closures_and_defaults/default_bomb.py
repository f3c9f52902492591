# family: closures and defaults
# about: A default that takes all memory.
def f(self, x=[0] * 10 ** 9):
    return len(x)
