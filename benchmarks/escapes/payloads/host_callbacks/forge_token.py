# family: host callbacks
# about: Another token in a reference.
def f(self):
    self.friend.token = 0
    return self.friend
