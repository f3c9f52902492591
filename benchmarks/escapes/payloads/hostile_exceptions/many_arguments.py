# family: hostile exceptions
# about: An exception of many arguments.
def f(self):
    raise ValueError(*range(10000))
