# family: imports
# about: All objects of the process.
def f(self):
    import gc
    return gc.get_objects()
