# family: prototype pollution
# about: The same through a name.
def f(self):
    other = self.friend
    other.count = 99
