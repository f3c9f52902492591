# family: values that bite later
# about: The same, put together.
def f(self):
    self.name = chr(0xd800)
    self._p_changed = True
    return self.name
