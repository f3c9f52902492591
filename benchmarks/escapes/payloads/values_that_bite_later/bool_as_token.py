# family: values that bite later
# about: A reference made of a truth value.
def f(self):
    return (..., True)
