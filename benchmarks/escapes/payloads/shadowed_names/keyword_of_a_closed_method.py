# family: shadowed names
# about: Keyword arguments under names of the host's.
def f(self):
    return self.double(**{'_me': 1, '_k': 2, '_state': 3})
