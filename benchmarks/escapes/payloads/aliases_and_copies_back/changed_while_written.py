# family: aliases and copies back
# about: Has its slot changed by another while it holds the old value.
def f(self):
    rows = self.items
    self.friend.keep_(rows)
    rows.append(self.friend.kept)
    self.items = rows
    self._p_changed = True
    return self.items
