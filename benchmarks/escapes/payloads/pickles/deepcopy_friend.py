# family: pickles
# about: copy of another object.
def f(self):
    import copy
    twin = copy.copy(self.friend)
    return twin.items
