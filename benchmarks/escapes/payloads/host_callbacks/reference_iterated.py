# family: host callbacks
# about: A reference walked over.
def f(self):
    return [part for part in self]
