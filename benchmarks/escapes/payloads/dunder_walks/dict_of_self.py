# family: dunder walks
# about: The state behind the slots.
def f(self):
    self.__dict__["__methods__"] = {}
    self._p_changed = True
