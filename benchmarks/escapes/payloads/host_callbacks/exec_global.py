# family: host callbacks
# about: The prelude replaced from text.
def f(self):
    exec("global _get\ndef _get(o, k):\n    return 1")
    return self.count
