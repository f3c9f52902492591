# family: format walks
# about: The token of a reference in a format.
def f(self):
    return ("{0.to" + "ken}").format(self.friend)
