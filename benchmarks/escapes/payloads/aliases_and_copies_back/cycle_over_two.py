# family: aliases and copies back
# about: Two objects' containers that hold each other.
def f(self):
    mine = self.items
    mine.append(self.friend.items)
    self.friend.items.append(mine)
    self._p_changed = True
