# family: prototype pollution
# about: The same by a name put together.
def f(self):
    self.count = 99
    setattr(self, "_p_" + "changed", None)
