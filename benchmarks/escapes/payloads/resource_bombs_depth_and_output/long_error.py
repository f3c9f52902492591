# family: resource bombs: depth and output
# about: An error with a long message.
def f(self):
    raise ValueError("x" * 10 ** 7)
