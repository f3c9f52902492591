# family: confused deputies
# about: A clone, written by message.
def f(self):
    return self.alfred.clone().setSlot_value_("identity", "mine")
