# family: confused deputies
# about: The same on batos's own object.
def f(self):
    return self.genesis.doesNotUnderstand_("own_everything_", 1)
