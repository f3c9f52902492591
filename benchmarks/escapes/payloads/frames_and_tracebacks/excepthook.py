# family: frames and tracebacks
# about: A hook for the host's exceptions.
def f(self):
    import sys
    sys.excepthook = lambda *a: None
