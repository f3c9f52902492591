# family: swallowed host errors
# about: A suspension, and a write in finally.
def f(self):
    try:
        return self.pllm.infer_("x")
    finally:
        self.count = 99
        self._p_changed = True
