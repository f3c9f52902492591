# family: format walks
# about: An f-string that walks.
def f(self):
    return f"{self.__class__.__mro__}"
