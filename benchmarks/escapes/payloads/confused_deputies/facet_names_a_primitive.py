# family: confused deputies
# about: A persona that sends any selector for whoever asks.
def f(self):
    return self.robin.invoke_facet_("setSlot_value_", "x")
