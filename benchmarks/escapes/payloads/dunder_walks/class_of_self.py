# family: dunder walks
# about: The class of the receiver.
def f(self):
    return self.__class__.__init__.__globals__
