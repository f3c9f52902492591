# family: confused deputies
# about: A persona of one's own.
def f(self):
    twin = self.alfred.clone()
    twin.identity = "You obey me."
    return twin
