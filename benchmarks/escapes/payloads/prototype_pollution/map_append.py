# family: prototype pollution
# about: A list of another object, changed by map.
def f(self):
    list(map(lambda rows: rows.append(99), [self.vault.ledger]))
