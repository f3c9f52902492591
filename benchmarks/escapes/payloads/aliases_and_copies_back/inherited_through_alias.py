# family: aliases and copies back
# about: Changes what it inherits through two names.
def f(self):
    traits = self.items
    whole = [traits, self.root]
    whole[0] += whole
    return len(whole)
