# family: aliases and copies back
# about: Changes its own container through another's answer.
def f(self):
    rows = self.friend.echo(self.items)
    rows.append('mine')
    self._p_changed = True
    return self.items
