# family: prototype pollution
# about: A slice of another object's list.
def f(self):
    self.vault.ledger[:] = [0]
    self._p_changed = True
