# family: aliases and copies back
# about: Sorts another's container in place.
def f(self):
    self.vault.ledger.sort(reverse=True)
    return 1
