# family: host callbacks
# about: A secret, moved to another slot.
def f(self):
    self.copy = self.token
    self._p_changed = True
