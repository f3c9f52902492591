# family: resource bombs: depth and output
# about: A method that sends itself.
def f(self):
    return self.f()
