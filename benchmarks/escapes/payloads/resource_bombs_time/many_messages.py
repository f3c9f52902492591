# family: resource bombs: time
# about: Messages without end.
def f(self):
    while True:
        self.double(1)
