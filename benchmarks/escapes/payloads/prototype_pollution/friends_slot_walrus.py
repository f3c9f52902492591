# family: prototype pollution
# about: The same through a walrus.
def f(self):
    (other := self.friend).count = 99
