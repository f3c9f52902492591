# family: imports
# about: The name of the import function put together.
def f(self):
    return getattr(__builtins__, "__imp" + "ort__")("os")
