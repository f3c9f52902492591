# family: resource bombs: depth and output
# about: The same in a slot.
def f(self):
    self.count = 7 ** 10 ** 5
    self._p_changed = True
