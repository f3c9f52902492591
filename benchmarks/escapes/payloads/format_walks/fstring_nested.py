# family: format walks
# about: A walk in the specification of an f-string.
def f(self):
    return f"{1:{self.__class__}}"
