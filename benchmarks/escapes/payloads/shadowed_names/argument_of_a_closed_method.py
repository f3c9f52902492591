# family: shadowed names
# about: The name under which the host hands over an argument.
def f(self):
    _0 = 5
    return _0
