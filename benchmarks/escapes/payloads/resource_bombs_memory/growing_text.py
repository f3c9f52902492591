# family: resource bombs: memory
# about: A text that doubles.
def f(self):
    t = "a"
    while True:
        t += t
