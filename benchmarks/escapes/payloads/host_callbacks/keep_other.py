# family: host callbacks
# about: The same for another object.
def f(self):
    _host_keep([(1, "count", True, 99)])
