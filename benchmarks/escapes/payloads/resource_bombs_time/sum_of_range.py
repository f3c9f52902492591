# family: resource bombs: time
# about: One call that never ends.
def f(self):
    return sum(range(10 ** 12))
