# family: imports
# about: importlib.
def f(self):
    import importlib
    return importlib.import_module("os")
