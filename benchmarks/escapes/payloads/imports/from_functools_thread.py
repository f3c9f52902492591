# family: imports
# about: A lock by way of functools.
def f(self):
    from functools import RLock
    return RLock
