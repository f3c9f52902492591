# family: closures and defaults
# about: A default that imports.
def f(self, x=__import__('os').environ):
    return dict(x)
