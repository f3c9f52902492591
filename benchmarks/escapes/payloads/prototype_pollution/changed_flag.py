# family: prototype pollution
# about: The change hidden from the database.
def f(self):
    self.count = 99
    self._p_changed = False
