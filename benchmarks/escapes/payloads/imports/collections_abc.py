# family: imports
# about: A door in collections.
def f(self):
    import collections
    return collections._sys.modules
