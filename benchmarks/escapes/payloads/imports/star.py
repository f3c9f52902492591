# family: imports
# about: Everything of a module.
def f(self):
    from math import *
    return pi
