# family: prototype pollution
# about: One more parent.
def f(self):
    setattr(self, "parent9*", self.alfred)
    self._p_changed = True
