# family: dunder walks
# about: The cell that a class body leaves to its methods.
def f(self):
    return __class__
