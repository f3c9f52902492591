# family: resource bombs: memory
# about: A dict that grows.
def f(self):
    d = {}
    for n in range(10 ** 9):
        d[n] = [n]
