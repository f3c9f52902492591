# family: shadowed names
# about: The class of references, replaced.
def f(self):
    global _Proto
    _Proto = int
    return self.friend
