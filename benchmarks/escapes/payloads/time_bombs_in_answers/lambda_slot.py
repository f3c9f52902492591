# family: time bombs in answers
# about: A function in a slot, for a later call.
def f(self):
    self.later = lambda: 1
    self._p_changed = True
