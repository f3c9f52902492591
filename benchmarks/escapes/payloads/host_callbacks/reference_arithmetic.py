# family: host callbacks
# about: A reference in a sum.
def f(self):
    return self + self.friend
