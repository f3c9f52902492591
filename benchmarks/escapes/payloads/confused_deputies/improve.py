# family: confused deputies
# about: A self-improvement on demand.
def f(self):
    return self.alfred.analyze_and_resolve_cycle_failures([{"selector": "f"}])
