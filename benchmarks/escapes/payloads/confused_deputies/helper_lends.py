# family: confused deputies
# about: A list of one object, lent to another's function.
def f(self):
    return self.friend.apply_(lambda rows: rows.append(99), self.vault.ledger)
