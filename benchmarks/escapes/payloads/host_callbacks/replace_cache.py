# family: host callbacks
# about: The cache, filled.
def f(self):
    _cache[(0, "parent*")] = self
    _written["parent*"] = True
