# family: prototype pollution
# about: A mark of trust.
def f(self):
    self.trust = "trusted"
    self._p_changed = True
    return self.trust
