# family: outside
# about: The system's randomness.
def f(self):
    import os
    return os.urandom(8)
