# family: confused deputies
# about: A primitive for map.
def f(self):
    return list(map(self.vault.launch, [1, 2]))
