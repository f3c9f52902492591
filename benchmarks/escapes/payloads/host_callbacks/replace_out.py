# family: host callbacks
# about: The check at the border, replaced.
def f(self):
    global _out
    def _out(v):
        return v
    return lambda: 1
