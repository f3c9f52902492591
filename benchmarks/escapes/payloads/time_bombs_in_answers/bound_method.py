# family: time bombs in answers
# about: A bound method as an answer.
def f(self):
    return self.double
