# family: format walks
# about: The insides of a reference in a format.
def f(self):
    return ("{0.tar" + "get}").format(self.friend)
