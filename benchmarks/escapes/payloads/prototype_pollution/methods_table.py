# family: prototype pollution
# about: The table of methods.
def f(self):
    setattr(self, "__methods__", {})
    self._p_changed = True
