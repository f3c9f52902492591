# family: aliases and copies back
# about: A function that changes whatever it is called with, for another to call.
def f(self):
    return self.friend.apply_(lambda other: other.items.append('mine'), self.friend)
