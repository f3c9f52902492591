# family: outside
# about: A copy of the process.
def f(self):
    import os
    return os.fork()
