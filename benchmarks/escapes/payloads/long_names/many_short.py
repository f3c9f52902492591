# family: long names
# about: Asks for many slots that are not there.
def f(self):
    n = 0
    while True:
        n += 1
        hasattr(self.root, 'a' + str(n))
