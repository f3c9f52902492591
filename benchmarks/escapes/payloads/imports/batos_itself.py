# family: imports
# about: The package that runs it.
def f(self):
    import batos
    return batos.open("/tmp/x")
