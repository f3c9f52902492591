# family: resource bombs: time
# about: A loop without end.
def f(self):
    while True:
        pass
