# family: host callbacks
# about: A reference made by hand.
def f(self):
    return _Proto(0, 1)
