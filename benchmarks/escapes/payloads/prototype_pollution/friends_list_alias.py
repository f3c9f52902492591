# family: prototype pollution
# about: The same through a name.
def f(self):
    items = self.friend.items
    items.append(99)
    self._p_changed = True
