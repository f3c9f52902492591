# family: frames and tracebacks
# about: A trace function for the host.
def f(self):
    import sys
    sys.settrace(lambda *a: None)
