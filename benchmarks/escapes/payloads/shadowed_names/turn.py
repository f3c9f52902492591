# family: shadowed names
# about: Says that it is another object's turn.
def f(self):
    _mine(self.vault)
    self.vault.code = 'open'
