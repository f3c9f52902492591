# family: prototype pollution
# about: The source of another method by reading it.
def f(self):
    return self.double.source
