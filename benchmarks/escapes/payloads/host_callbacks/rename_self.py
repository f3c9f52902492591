# family: host callbacks
# about: The method under the name that the sandbox gives it.
def f(self):
    return _method_(self)
