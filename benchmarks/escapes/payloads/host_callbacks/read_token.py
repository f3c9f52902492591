# family: host callbacks
# about: The token of a reference.
def f(self):
    return self.friend.token
