# family: prototype pollution
# about: The method's own slot.
def f(self):
    self.f = "def f(self): return 2"
    self._p_changed = True
