# family: long names
# about: Asks for slots with names of a megabyte, which lookups would keep.
def f(self):
    n = 0
    while True:
        n += 1
        hasattr(self, 'a' * 1000000 + str(n))
