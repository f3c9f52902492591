# family: prototype pollution
# about: A slot of another object.
def f(self):
    self.friend.count = 99
