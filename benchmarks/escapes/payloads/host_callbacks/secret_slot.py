# family: host callbacks
# about: A secret, read.
def f(self):
    return self.token
