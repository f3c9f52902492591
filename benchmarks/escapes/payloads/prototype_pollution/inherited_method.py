# family: prototype pollution
# about: Data that hides an inherited method.
def f(self):
    self.clone = 1
    self._p_changed = True
