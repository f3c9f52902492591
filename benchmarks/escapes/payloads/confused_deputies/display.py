# family: confused deputies
# about: The window, written anew.
def f(self):
    return self.genesis.ingest_and_display_yourself()
