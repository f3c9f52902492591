# family: values that bite later
# about: A dict that looks as values are written down.
def f(self):
    self.table = {'$object': '0000000000000001', '$secret': '@ENV@'}
    self._p_changed = True
    return self.table
