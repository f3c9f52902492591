# family: outside
# about: The end of the process.
def f(self):
    import sys
    sys.exit(3)
