# family: host callbacks
# about: An iterator for a primitive.
def f(self):
    return self.double(iter([1]))
