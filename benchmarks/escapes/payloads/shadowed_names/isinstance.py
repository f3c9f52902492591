# family: shadowed names
# about: A parameter that hides what the prelude asks with.
def f(self):
    isinstance = len
    return self.friend.name
