# family: resource bombs: depth and output
# about: The same as a set in a slot.
def f(self):
    self.tags = {n * (2 ** 61 - 1) for n in range(60000)}
    self._p_changed = True
