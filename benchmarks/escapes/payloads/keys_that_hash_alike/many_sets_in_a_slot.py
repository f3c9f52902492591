# family: keys that hash alike
# about: Many sets of such numbers, stored.
def f(self):
    s = frozenset([n * 2305843009213693951 for n in range(900)])
    self.items = [s] * 90
    self._p_changed = True
