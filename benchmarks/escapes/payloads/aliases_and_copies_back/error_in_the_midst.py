# family: aliases and copies back
# about: Has the host fail between two writes.
def f(self):
    self.count = 1
    self._p_changed = True
    self.items = [lambda: 1]
    self.friend.keep_(1)
