# family: confused deputies
# about: What makes any selector a mission.
def f(self):
    return self.doesNotUnderstand_("launch")
