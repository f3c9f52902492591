# family: host callbacks
# about: A parent slot, by a name put together.
def f(self):
    return getattr(self, "par" + "ent*")
