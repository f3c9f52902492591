# family: annotations and stubs
# about: Asks the type check to tell.
def f(self):
    reveal_type(self)
    return 1
