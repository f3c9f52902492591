# family: values that bite later
# about: A dict whose key is not equal to itself.
def f(self):
    self.table = {float('nan'): 1}
    self._p_changed = True
    return self.table
