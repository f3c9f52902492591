# family: resource bombs: time
# about: Questions without end.
def f(self):
    while True:
        hasattr(self, "nothing")
