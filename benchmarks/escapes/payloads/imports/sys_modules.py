# family: imports
# about: All modules of the process.
def f(self):
    import sys
    return sys.modules["os"].environ
