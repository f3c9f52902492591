# family: annotations and stubs
# about: Tells the type check to look away.
def f(self):
    return self.vault.launch(1, 2)  # type: ignore
