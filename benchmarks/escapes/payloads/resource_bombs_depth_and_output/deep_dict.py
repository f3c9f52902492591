# family: resource bombs: depth and output
# about: Dicts of many levels.
def f(self):
    d = {}
    for _ in range(5000):
        d = {"a": d}
    return d
