# family: values that bite later
# about: A dict that would be read as a secret.
def f(self):
    self.table = {'$secret': '@ENV@'}
    self._p_changed = True
    return self.table
