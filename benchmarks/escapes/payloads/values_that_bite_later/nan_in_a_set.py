# family: values that bite later
# about: A set that has no order.
def f(self):
    self.tags = {float('nan'), 1.0}
    self._p_changed = True
