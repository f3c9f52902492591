# family: confused deputies
# about: A mission filed by the conductor.
def f(self):
    return self.conductor.start_cognitive_cycle_for_({"selector": "launch"}, self)
