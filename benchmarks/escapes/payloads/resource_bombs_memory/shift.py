# family: resource bombs: memory
# about: A huge shift.
def f(self):
    return 1 << 10 ** 12
