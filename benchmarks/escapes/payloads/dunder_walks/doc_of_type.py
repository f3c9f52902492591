# family: dunder walks
# about: A harmless looking dunder first.
def f(self):
    return type(1).__doc__, type(1).__base__
