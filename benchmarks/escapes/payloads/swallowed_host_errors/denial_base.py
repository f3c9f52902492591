# family: swallowed host errors
# about: The same by BaseException.
def f(self):
    try:
        self.launch()
    except BaseException:
        pass
    self.count = 99
    self._p_changed = True
