# family: prototype pollution
# about: The annotations.
def f(self):
    setattr(self, "__notes__", {})
    self._p_changed = True
