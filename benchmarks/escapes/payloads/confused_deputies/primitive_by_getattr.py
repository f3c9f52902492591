# family: confused deputies
# about: A primitive by a name put together.
def f(self):
    return getattr(self, "lau" + "nch")()
