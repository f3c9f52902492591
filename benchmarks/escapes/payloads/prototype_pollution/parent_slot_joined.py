# family: prototype pollution
# about: Another parent by a name put together.
def f(self):
    setattr(self, "parent" + "*", self.friend)
    self._p_changed = True
