# family: prototype pollution
# about: The same as a target of with.
def f(self):
    with self.friend as self.vault.code:
        pass
