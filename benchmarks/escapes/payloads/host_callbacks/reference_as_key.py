# family: host callbacks
# about: A reference as a key.
def f(self):
    return {self: 1}
