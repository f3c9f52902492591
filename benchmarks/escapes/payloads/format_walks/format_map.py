# family: format walks
# about: format_map with the receiver's state.
def f(self):
    return "{name.__class__}".format_map({"name": self})
