# family: aliases and copies back
# about: Clears another's container by a slice.
def f(self):
    rows = self.vault.ledger
    rows[:] = []
    return 1
