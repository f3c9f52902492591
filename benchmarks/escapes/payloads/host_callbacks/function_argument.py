# family: host callbacks
# about: A function for a primitive.
def f(self):
    return self.double(lambda: 1)
