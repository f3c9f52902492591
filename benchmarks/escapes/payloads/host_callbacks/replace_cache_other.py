# family: host callbacks
# about: The cache, filled for another object.
def f(self):
    _cache[(1, "count")] = [99]
