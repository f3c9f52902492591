# family: pickles
# about: An instance in a slot.
def f(self):
    class Bomb:
        pass
    self.count = Bomb()
    self._p_changed = True
