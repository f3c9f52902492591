# family: swallowed host errors
# about: A mission of its own, caught.
def f(self):
    try:
        return self.genesis.ingest_and_display_yourself()
    except BaseException:
        return "went on"
