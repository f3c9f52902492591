# family: imports
# about: The import function through a reduction.
def f(self):
    from functools import reduce
    return reduce(__import__, ["os"])
