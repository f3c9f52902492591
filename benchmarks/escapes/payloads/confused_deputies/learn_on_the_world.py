# family: confused deputies
# about: A method for batos's own object, learned on the way.
def f(self):
    return self.alfred.shout_name()
