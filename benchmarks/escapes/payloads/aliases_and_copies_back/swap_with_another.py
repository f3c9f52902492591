# family: aliases and copies back
# about: Swaps slots with another object.
def f(self):
    self.items, held = self.vault.ledger, self.items
    self.vault.ledger.clear()
    self._p_changed = True
    return held
