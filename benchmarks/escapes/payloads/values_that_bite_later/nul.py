# family: values that bite later
# about: A text with a zero.
def f(self):
    self.name = 'a\x00b'
    self._p_changed = True
    return self.name
