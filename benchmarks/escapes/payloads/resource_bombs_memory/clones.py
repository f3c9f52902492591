# family: resource bombs: memory
# about: Copies of a large object, kept by the host.
def f(self):
    self.items = ["x" * 1000] * 3000
    self._p_changed = True
    kept = []
    while True:
        kept.append(self.clone())
