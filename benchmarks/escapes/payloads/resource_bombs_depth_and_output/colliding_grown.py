# family: resource bombs: depth and output
# about: A slot's dict that grows such keys.
def f(self):
    for n in range(60000):
        self.table[n * (2 ** 61 - 1)] = 0
    self._p_changed = True
