# family: resource bombs: time
# about: One huge power.
def f(self):
    return 10 ** 10 ** 8
