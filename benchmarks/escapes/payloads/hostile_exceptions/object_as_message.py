# family: hostile exceptions
# about: An object as the message.
def f(self):
    raise ValueError(self.vault)
