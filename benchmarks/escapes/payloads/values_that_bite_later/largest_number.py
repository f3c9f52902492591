# family: values that bite later
# about: A number just too long to be written down.
def f(self):
    self.count = 1 << 13999
    self._p_changed = True
    return self.count
