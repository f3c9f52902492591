# family: decorators
# about: The method without a receiver.
@staticmethod
def f(self):
    return self
