# family: prototype pollution
# about: A slot of what everybody inherits from.
def f(self):
    self.root.greeting = "mine"
