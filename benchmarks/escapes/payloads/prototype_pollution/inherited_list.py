# family: prototype pollution
# about: A container that all share.
def f(self):
    self.root.shared = []
    self._p_changed = True
