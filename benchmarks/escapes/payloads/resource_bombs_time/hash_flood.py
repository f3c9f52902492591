# family: resource bombs: time
# about: A dict whose keys hash alike.
def f(self):
    return len({n * (2 ** 61 - 1): 0 for n in range(10 ** 6)})
