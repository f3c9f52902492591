# family: aliases and copies back
# about: A function that gives out a function that holds a container.
def f(self):
    grow = self.friend.apply_(lambda rows: (lambda: rows.append('mine')), self.vault.ledger)
    grow()
    return self.vault.ledger
