# family: host callbacks
# about: A name that is a list.
def f(self):
    return getattr(self, ["count"])
