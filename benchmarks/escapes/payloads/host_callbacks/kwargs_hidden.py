# family: host callbacks
# about: A keyword with a hidden name.
def f(self):
    return self.friend.echo(**{"__class__": 1})
