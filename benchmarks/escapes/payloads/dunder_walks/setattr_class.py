# family: dunder walks
# about: Another class for the receiver.
def f(self):
    self.__class__ = dict
    self._p_changed = True
