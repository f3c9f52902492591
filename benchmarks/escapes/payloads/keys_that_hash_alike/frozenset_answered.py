# family: keys that hash alike
# about: A frozenset of numbers with one hash, for which the host would need the square of the time.
def f(self):
    return frozenset([n * 2305843009213693951 for n in range(30000)])
