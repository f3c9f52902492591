# family: time bombs in answers
# about: A set without an order.
def f(self):
    self.tags = {1, "a", None, (1, 2)}
    self._p_changed = True
