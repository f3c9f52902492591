# family: prototype pollution
# about: A list of another object, changed by a key function.
def f(self):
    return sorted([1, 2], key=lambda n: self.vault.ledger.append(n))
