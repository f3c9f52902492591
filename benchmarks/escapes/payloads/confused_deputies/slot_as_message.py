# family: confused deputies
# about: A data slot as a message with arguments.
def f(self):
    return self.friend.name("x")
