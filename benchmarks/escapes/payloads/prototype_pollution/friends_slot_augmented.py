# family: prototype pollution
# about: The same, augmented.
def f(self):
    self.friend.count += 89
