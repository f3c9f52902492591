# family: shadowed names
# about: A function of a module called as the prelude's.
def f(self):
    from math import floor as setattr
    return setattr(2.5)
