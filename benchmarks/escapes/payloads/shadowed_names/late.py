# family: shadowed names
# about: Asks for a part of the prelude that is none.
def f(self):
    return _late('os')
