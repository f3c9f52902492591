# family: imports
# about: builtins.
def f(self):
    import builtins
    return builtins.open("@FILE@").read()
