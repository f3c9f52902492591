# family: resource bombs: time
# about: A deep text for json.
def f(self):
    import json
    return json.loads("[" * 10 ** 6)
