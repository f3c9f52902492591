# family: confused deputies
# about: A primitive without permission, of another object.
def f(self):
    return self.vault.launch()
