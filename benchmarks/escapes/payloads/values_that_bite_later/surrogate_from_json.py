# family: values that bite later
# about: The same, read from text.
def f(self):
    import json
    return json.loads('"\\ud800"')
