# family: dunder walks
# about: A hidden name as a keyword.
def f(self):
    return dict(__class__=1)["__class__"].__class__
