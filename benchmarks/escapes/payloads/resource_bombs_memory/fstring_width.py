# family: resource bombs: memory
# about: A width in an f-string.
def f(self):
    return f"{1:>{10 ** 10}}"
