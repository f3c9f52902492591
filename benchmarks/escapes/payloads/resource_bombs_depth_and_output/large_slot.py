# family: resource bombs: depth and output
# about: A large slot.
def f(self):
    self.items = [0] * 10 ** 6
    self._p_changed = True
