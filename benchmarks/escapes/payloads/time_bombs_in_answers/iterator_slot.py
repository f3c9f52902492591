# family: time bombs in answers
# about: An iterator in a slot.
def f(self):
    self.items = iter([1, 2])
    self._p_changed = True
