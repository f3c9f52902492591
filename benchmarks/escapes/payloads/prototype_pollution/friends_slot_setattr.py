# family: prototype pollution
# about: The same by setattr.
def f(self):
    setattr(self.friend, "count", 99)
