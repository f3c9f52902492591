# family: resource bombs: memory
# about: A text filled up.
def f(self):
    return "a".ljust(10 ** 11)
