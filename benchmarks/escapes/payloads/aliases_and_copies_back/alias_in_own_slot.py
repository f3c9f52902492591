# family: aliases and copies back
# about: Puts another's container into its own slot and changes it there.
def f(self):
    self.items = self.friend.items
    self.items.append('mine')
    self._p_changed = True
    return self.friend.items
