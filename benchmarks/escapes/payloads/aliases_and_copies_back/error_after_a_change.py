# family: aliases and copies back
# about: Changes another's container, then raises, to have it kept with the exception.
def f(self):
    self.vault.ledger.append(-1)
    raise ValueError('kept?')
