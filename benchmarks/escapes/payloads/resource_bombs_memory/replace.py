# family: resource bombs: memory
# about: A replacement that multiplies.
def f(self):
    return ("a" * 10 ** 6).replace("a", "b" * 10 ** 5)
