# family: confused deputies
# about: Another object's method that writes what it is given.
def f(self):
    return self.friend.keep_(self.vault)
