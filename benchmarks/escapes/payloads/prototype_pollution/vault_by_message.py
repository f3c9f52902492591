# family: prototype pollution
# about: The same, on another object.
def f(self):
    return self.vault.setSlot_value_("code", "open")
