# family: imports
# about: ctypes.
def f(self):
    import ctypes
    return ctypes.CDLL(None).getpid()
