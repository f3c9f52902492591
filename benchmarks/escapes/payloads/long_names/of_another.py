# family: long names
# about: Asks another object for such slots.
def f(self):
    n = 0
    while True:
        n += 1
        hasattr(self.root, 'a' * 1000000 + str(n))
