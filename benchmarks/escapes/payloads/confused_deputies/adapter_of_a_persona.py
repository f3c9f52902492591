# family: confused deputies
# about: A persona's adapter.
def f(self):
    setattr(self.robin, "adapter", "mine")
