# family: resource bombs: memory
# about: A number filled up.
def f(self):
    return "1".zfill(10 ** 11)
