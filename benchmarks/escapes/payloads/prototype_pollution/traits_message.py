# family: prototype pollution
# about: The primitive that sets a slot by name.
def f(self):
    return self.root.setSlot_value_("clone", 1)
