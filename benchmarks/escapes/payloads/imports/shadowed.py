# family: imports
# about: A module bound to another name.
def f(self):
    import json
    json = self
    return json
