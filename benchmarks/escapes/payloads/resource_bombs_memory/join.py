# family: resource bombs: memory
# about: A long join.
def f(self):
    return ",".join(["a" * 10 ** 6] * 10 ** 4)
