# family: dunder walks
# about: The builtins by way of an allowed module.
def f(self):
    import math
    return math.__loader__
