# family: host callbacks
# about: All that stands around it.
def f(self):
    return [name for name in globals()]
