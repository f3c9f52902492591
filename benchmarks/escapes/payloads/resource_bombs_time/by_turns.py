# family: resource bombs: time
# about: Two objects that write by turns without end.
def f(self):
    self.count += 1
    self._p_changed = True
    return self.friend.keep_(self.f())
