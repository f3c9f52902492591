# family: confused deputies
# about: A primitive as a key function.
def f(self):
    return sorted([1, 2], key=self.launch)
