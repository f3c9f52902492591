# family: confused deputies
# about: A selector close to a forbidden one.
def f(self):
    return self.lanch()
