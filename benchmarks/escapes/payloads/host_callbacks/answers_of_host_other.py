# family: host callbacks
# about: The same for an object that it was never given.
def f(self):
    return [(..., 7)]
