# family: aliases and copies back
# about: Takes the last value from another's container.
def f(self):
    return self.vault.ledger.pop()
