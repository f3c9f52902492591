# family: prototype pollution
# about: A list of another object in a tuple.
def f(self):
    pair = (self.vault.ledger, 1)
    pair[0].append(99)
