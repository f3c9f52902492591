# family: prototype pollution
# about: Another prototype for a state.
def f(self):
    self.machine.FAILED = self.machine.COMPLETE
    self._p_changed = True
