# family: host callbacks
# about: A write past the prelude.
def f(self):
    _host_set(1, "count")
