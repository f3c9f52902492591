# family: resource bombs: depth and output
# about: An answer of many levels.
def f(self):
    xs = []
    for _ in range(5000):
        xs = [xs]
    return xs
