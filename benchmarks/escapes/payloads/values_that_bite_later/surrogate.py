# family: values that bite later
# about: Half a character, which no encoding takes.
def f(self):
    self.name = '\ud800'
    self._p_changed = True
    return self.name
