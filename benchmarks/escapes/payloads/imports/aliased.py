# family: imports
# about: An allowed name for another module.
def f(self):
    import os as json
    return json.getcwd()
