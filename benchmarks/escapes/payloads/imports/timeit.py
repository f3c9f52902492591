# family: imports
# about: timeit runs texts.
def f(self):
    import timeit
    return timeit.timeit("1", number=1)
