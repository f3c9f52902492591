# family: resource bombs: memory
# about: Functions that hold each other.
def f(self):
    g = lambda: 0
    while True:
        g = (lambda h: lambda: h)(g)
