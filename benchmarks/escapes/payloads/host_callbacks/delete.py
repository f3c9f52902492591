# family: host callbacks
# about: A removal past the prelude.
def f(self):
    _host_delete(0, "parent*")
