# family: dunder walks
# about: Hidden state of the receiver by a name put together.
def f(self):
    return getattr(self, "_" * 2 + "dict" + "_" * 2)
