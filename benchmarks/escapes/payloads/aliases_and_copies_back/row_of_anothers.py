# family: aliases and copies back
# about: Changes a row deep in another's container.
def f(self):
    for row in [self.vault.ledger]:
        row[0] = 0
    return self.vault.ledger
