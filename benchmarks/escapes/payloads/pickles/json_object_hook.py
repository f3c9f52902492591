# family: pickles
# about: A hook that json calls.
def f(self):
    import json
    return json.loads("{\"a\": 1}", object_hook=lambda d: eval("d"))
