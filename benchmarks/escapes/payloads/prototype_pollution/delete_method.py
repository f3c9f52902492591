# family: prototype pollution
# about: A method removed.
def f(self):
    del self.launch
    self._p_changed = True
