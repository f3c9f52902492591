# family: resource bombs: memory
# about: A product of lists.
def f(self):
    import itertools
    return list(itertools.product(range(1000), repeat=4))
