# family: closures and defaults
# about: Another object as a comprehension's self.
def f(self):
    [setattr(self, "count", 99) for self in [self.friend]]
    self._p_changed = True
