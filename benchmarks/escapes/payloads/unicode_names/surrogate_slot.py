# family: unicode names
# about: Half a character as a slot's name.
def f(self):
    setattr(self, "a\ud800", 1)
    self._p_changed = True
