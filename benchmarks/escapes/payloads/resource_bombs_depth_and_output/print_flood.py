# family: resource bombs: depth and output
# about: Printing without end.
def f(self):
    while True:
        print("a" * 1000)
