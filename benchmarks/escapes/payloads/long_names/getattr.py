# family: long names
# about: Reads slots with such names.
def f(self):
    n = 0
    while True:
        n += 1
        getattr(self, 'a' * 1000000 + str(n), None)
