# family: resource bombs: depth and output
# about: A slot of many levels.
def f(self):
    xs = []
    for _ in range(5000):
        xs = [xs]
    self.items = xs
    self._p_changed = True
