# family: prototype pollution
# about: A list of another object.
def f(self):
    self.friend.items.append(99)
    self._p_changed = True
