# family: resource bombs: depth and output
# about: One long line.
def f(self):
    print("a" * 10 ** 7)
    return 1
