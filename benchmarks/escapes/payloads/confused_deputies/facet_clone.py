# family: confused deputies
# about: The same for a primitive that is allowed.
def f(self):
    return self.robin.invoke_facet_("clone", "x")
