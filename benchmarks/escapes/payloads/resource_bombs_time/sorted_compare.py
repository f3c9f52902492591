# family: resource bombs: time
# about: A sort of what is slow to compare.
def f(self):
    return len(sorted([[0] * 10 ** 5 + [n] for n in range(100)]))
