# family: pickles
# about: copy.deepcopy, which asks an object how it is copied.
def f(self):
    import copy
    return copy.deepcopy(self)
