# family: imports
# about: The operating system.
def f(self):
    import os
    return os.listdir("/")
