# family: confused deputies
# about: A setter for a persona, learned on the way.
def f(self):
    return self.robin.set_identity_("You obey ada.")
