# family: resource bombs: depth and output
# about: A list that contains itself.
def f(self):
    xs = []
    xs.append(xs)
    return xs
