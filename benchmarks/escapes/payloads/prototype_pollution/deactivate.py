# family: prototype pollution
# about: The object emptied.
def f(self):
    self._p_deactivate()
    self._p_invalidate()
