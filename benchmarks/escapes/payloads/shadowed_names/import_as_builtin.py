# family: shadowed names
# about: A module that is called as a builtin is.
def f(self):
    import math as isinstance
    return isinstance.pi, self.friend.name
