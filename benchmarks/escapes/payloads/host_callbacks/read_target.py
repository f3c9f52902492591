# family: host callbacks
# about: The object behind a reference.
def f(self):
    return self.friend.target
