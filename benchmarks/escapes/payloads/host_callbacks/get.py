# family: host callbacks
# about: A read past the prelude.
def f(self):
    return _host_get(0, "__dict__")
