# family: confused deputies
# about: The same for a hidden name.
def f(self):
    return self.robin.invoke_facet_("__class__", "x")
