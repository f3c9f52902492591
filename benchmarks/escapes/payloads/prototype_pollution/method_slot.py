# family: prototype pollution
# about: Data in a method's place.
def f(self):
    self.double = 1
    self._p_changed = True
