# family: pickles
# about: A pickle of protocol 0 as text in a slot.
def f(self):
    self.name = "cposix\nsystem\n(Vtouch @FOLDER@/x\ntR."
    self._p_changed = True
