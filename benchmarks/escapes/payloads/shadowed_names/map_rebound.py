# family: shadowed names
# about: A loop variable that is called as a builtin is.
def f(self):
    for map in [len, str]:
        pass
    return map(self.items)
