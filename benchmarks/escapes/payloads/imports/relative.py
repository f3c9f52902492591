# family: imports
# about: A relative import.
def f(self):
    from . import os
    return os
