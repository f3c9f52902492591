# family: host callbacks
# about: A search past the prelude.
def f(self):
    return _host_find(0, "launch", True)
