# family: swallowed host errors
# about: The denial of a write, caught.
def f(self):
    try:
        setattr(self, "parent*", self.friend)
    except BaseException:
        return "went on"
    finally:
        self._p_changed = True
