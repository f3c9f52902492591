# family: host callbacks
# about: A name that is an object.
def f(self):
    return getattr(self, self.friend)
