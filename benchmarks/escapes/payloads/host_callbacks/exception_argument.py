# family: host callbacks
# about: An exception for a primitive.
def f(self):
    return self.double(ValueError("x"))
