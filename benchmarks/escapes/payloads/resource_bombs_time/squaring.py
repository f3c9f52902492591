# family: resource bombs: time
# about: Numbers that square.
def f(self):
    n = 3
    while True:
        n = n * n
