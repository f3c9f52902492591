# family: values that bite later
# about: A set of what cannot be compared.
def f(self):
    self.tags = {1, 'a', None}
    self._p_changed = True
