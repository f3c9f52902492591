# family: pickles
# about: A pickle in a slot.
def f(self):
    self.count = b"\x80\x04cos\nsystem\n(S'touch @FOLDER@/x'\ntR."
    self._p_changed = True
