# family: host callbacks
# about: The report of changes, replaced.
def f(self):
    global _changes
    def _changes():
        return [(0, "parent*", True, 1)]
    return 1
