# family: host callbacks
# about: A class for a primitive.
def f(self):
    class A:
        pass
    return self.double(A)
