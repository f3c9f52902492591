# family: frames and tracebacks
# about: inspect by way of an allowed module.
def f(self):
    import dataclasses
    return dataclasses.inspect.stack()
