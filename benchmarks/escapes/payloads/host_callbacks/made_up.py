# family: host callbacks
# about: A function that the host does not have.
def f(self):
    return _host_admin("approve")
