# family: dunder walks
# about: The dictionary of an allowed module.
def f(self):
    import json
    return json.__dict__["codecs"]
