# family: values that bite later
# about: The sign of a reference, inside a set.
def f(self):
    return {(..., 0)}
