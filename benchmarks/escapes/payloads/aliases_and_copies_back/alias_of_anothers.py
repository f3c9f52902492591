# family: aliases and copies back
# about: Changes a container of another object through a name.
def f(self):
    rows = self.friend.items
    rows.append('mine')
    return rows
