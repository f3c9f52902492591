# family: resource bombs: depth and output
# about: Tuples as keys.
def f(self):
    return {(n, -n): 0 for n in range(60000)}
