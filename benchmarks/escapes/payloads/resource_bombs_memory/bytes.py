# family: resource bombs: memory
# about: Many bytes.
def f(self):
    return bytes(10 ** 11)
