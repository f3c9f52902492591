# family: time bombs in answers
# about: A bound method in a slot.
def f(self):
    self.action = self.friend.launch
    self._p_changed = True
