# family: confused deputies
# about: What the memory holds.
def f(self):
    return self.catalog.search_("secret", 5)
