# family: confused deputies
# about: Another object's method that calls what it is given.
def f(self):
    return self.friend.apply_(lambda other: other.launch(), self.vault)
