# family: shadowed names
# about: An exception that is called as a builtin is.
def f(self):
    try:
        raise ValueError('x')
    except ValueError as hasattr:
        return hasattr
