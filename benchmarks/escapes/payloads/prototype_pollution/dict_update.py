# family: prototype pollution
# about: Another object's dict through a view.
def f(self):
    for rows in [self.friend.items, self.vault.ledger]:
        rows.extend([9, 9])
