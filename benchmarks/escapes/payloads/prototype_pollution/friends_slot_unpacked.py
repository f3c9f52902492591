# family: prototype pollution
# about: The same in a tuple.
def f(self):
    a, self.friend.count = 1, 99
