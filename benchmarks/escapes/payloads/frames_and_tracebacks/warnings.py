# family: frames and tracebacks
# about: The registry of warnings, which knows the modules.
def f(self):
    import warnings
    return warnings.catch_warnings(record=True)._module
