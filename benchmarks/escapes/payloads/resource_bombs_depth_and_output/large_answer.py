# family: resource bombs: depth and output
# about: A large answer.
def f(self):
    return "a" * (20 * 1024 * 1024)
