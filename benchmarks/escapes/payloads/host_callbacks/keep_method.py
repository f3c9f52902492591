# family: host callbacks
# about: The same for a method slot.
def f(self):
    _host_keep([(0, "double", True, 1)])
