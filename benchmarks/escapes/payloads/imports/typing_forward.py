# family: imports
# about: A forward reference that is evaluated.
def f(self):
    from typing import ForwardRef
    return ForwardRef("__import__('os')")._evaluate({}, {}, frozenset())
