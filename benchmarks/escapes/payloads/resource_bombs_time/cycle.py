# family: resource bombs: time
# about: An endless iterator used up.
def f(self):
    import itertools
    return sum(itertools.count())
