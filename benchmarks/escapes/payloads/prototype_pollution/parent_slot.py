# family: prototype pollution
# about: Another parent.
def f(self):
    setattr(self, "parent*", self.friend)
    self._p_changed = True
