# family: resource bombs: depth and output
# about: An answer that is small inside and large outside.
def f(self):
    xs = [0] * 100
    for _ in range(5):
        xs = [xs] * 100
    return xs
