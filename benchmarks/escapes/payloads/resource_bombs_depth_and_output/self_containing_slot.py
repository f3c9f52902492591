# family: resource bombs: depth and output
# about: A slot that contains itself.
def f(self):
    self.items.append(self.items)
    self._p_changed = True
