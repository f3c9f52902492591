# family: confused deputies
# about: The same for a mission of its own.
def f(self):
    return self.alfred.invoke_facet_("analyze_and_resolve_cycle_failures", [])
