# family: resource bombs: memory
# about: A set that grows.
def f(self):
    s = set()
    for n in range(10 ** 9):
        s.add(n)
