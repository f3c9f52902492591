# family: values that bite later
# about: A number that has no order.
def f(self):
    self.tags = {1j, 2j}
    self._p_changed = True
