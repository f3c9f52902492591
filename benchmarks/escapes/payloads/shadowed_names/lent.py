# family: shadowed names
# about: Names the function that lends functions.
def f(self):
    return _lent(self.friend)
