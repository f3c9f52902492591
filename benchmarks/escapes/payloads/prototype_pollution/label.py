# family: prototype pollution
# about: Another name in the world.
def f(self):
    setattr(self, "__label__", "alfred")
    self._p_changed = True
