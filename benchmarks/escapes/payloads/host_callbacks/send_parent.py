# family: host callbacks
# about: A parent slot, as a message.
def f(self):
    return getattr(self, "parent*").clone()
