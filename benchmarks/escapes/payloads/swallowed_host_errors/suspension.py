# family: swallowed host errors
# about: A suspension, caught: what must be asked of a model.
def f(self):
    try:
        return self.robin.infer_("x", system_prompt="y")
    except BaseException:
        self.count = 99
        self._p_changed = True
        return "went on"
