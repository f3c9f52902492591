# family: prototype pollution
# about: No parent.
def f(self):
    delattr(self, "parent*")
    self._p_changed = True
