# family: frames and tracebacks
# about: sys._getframe.
def f(self):
    import sys
    return sys._getframe(3).f_globals
