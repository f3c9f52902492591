# family: host callbacks
# about: The functions of the prelude, fetched by name.
def f(self):
    return _late("_out")({})
