# family: annotations and stubs
# about: Says that it is a number, to pass the type check.
def f(self: int):
    return self + 1
