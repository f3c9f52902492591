# family: confused deputies
# about: The adapters.
def f(self):
    return self.manager.tiers()
