# family: resource bombs: time
# about: A long text of a number.
def f(self):
    return len(str(1 << 10 ** 7))
