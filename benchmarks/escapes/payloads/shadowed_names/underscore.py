# family: shadowed names
# about: The throw-away name as a function.
def f(self):
    _ = lambda x: x
    return _(self).friend.name
