# family: host callbacks
# about: A reference called.
def f(self):
    return self()
