# family: pickles
# about: The same in a slot.
def f(self):
    self.table = {"$object": "0000000000000001"}
    self._p_changed = True
    return self.table
