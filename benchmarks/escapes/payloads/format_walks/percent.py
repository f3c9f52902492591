# family: format walks
# about: A percent format with the receiver.
def f(self):
    return "%(x)s" % {"x": self.friend}
