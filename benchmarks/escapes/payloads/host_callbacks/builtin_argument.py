# family: host callbacks
# about: A builtin for a primitive.
def f(self):
    return self.double(open)
