# family: host callbacks
# about: A parent slot, read.
def f(self):
    return getattr(self, "parent*")
