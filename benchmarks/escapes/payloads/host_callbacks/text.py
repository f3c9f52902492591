# family: host callbacks
# about: Text of the prelude for the asking.
def f(self):
    return _host_text("_out")
