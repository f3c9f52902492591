# family: prototype pollution
# about: A hidden slot.
def f(self):
    self._secret = 1
    self._p_changed = True
