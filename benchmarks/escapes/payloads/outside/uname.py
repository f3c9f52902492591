# family: outside
# about: The machine's name.
def f(self):
    import os
    return os.uname()
