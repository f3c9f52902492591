# family: host callbacks
# about: The host's own function, called by name.
def f(self):
    _host_keep([(0, "parent*", True, self)])
