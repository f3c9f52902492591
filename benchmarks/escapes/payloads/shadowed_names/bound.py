# family: shadowed names
# about: Builds a message by hand.
def f(self):
    return _bound(self.vault, 'launch')()
