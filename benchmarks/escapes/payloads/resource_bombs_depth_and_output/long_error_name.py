# family: resource bombs: depth and output
# about: An error whose message is a page.
def f(self):
    raise KeyError("line\n" * 10 ** 5)
