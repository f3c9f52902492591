# family: closures and defaults
# about: Another object as self, by nonlocal.
def f(self):
    def inner():
        nonlocal self
        self = self.friend
    inner()
    self.count = 99
    self._p_changed = True
