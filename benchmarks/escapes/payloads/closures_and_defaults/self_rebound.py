# family: closures and defaults
# about: Another object as self.
def f(self):
    self = self.friend
    self.count = 99
    self._p_changed = True
