# family: pickles
# about: The same, handed to a primitive.
def f(self):
    return self.double([{"$secret": "@ENV@"}])
