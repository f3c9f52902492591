# family: unicode names
# about: A Cyrillic letter in a slot's name, to hide a slot behind another.
def f(self):
    self.соunt = 99
    self._p_changed = True
