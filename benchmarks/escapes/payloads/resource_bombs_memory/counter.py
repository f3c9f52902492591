# family: resource bombs: memory
# about: A counter of everything.
def f(self):
    from collections import Counter
    return Counter(range(10 ** 9))
