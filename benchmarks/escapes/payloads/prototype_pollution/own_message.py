# family: prototype pollution
# about: The same, on itself.
def f(self):
    return self.setSlot_value_("parent*", self.friend)
