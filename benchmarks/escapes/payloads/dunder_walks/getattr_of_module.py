# family: dunder walks
# about: A module's hidden name put together at run time.
def f(self):
    import json
    return getattr(json, "__builti" + "ns__")
