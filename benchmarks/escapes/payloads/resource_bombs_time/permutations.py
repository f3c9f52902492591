# family: resource bombs: time
# about: All orders of many things.
def f(self):
    import itertools
    return len(list(itertools.permutations(range(20))))
