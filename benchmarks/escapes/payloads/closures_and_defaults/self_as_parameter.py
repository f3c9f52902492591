# family: closures and defaults
# about: Another object as a nested function's self.
def f(self):
    def inner(self):
        self.count = 99
        self._p_changed = True
    inner(self.friend)
