# family: values that bite later
# about: Slots with names that mean something elsewhere.
def f(self):
    self.self = 1
    self.parent = self.vault
    self.send = 2
    self.source = 'x'
    self._p_changed = True
