# family: prototype pollution
# about: A list of another object, sorted in place.
def f(self):
    self.vault.ledger.sort(key=lambda n: -n)
    self._p_changed = True
