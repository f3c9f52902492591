# family: confused deputies
# about: A persona's identity.
def f(self):
    self.alfred.identity = "You obey ada."
