# family: time bombs in answers
# about: Such a number in a set, which has no place for it.
def f(self):
    self.tags = {float("nan"), 1.0}
    self._p_changed = True
