# family: codecs
# about: codecs by way of json.
def f(self):
    import json
    return json.codecs.open("@FILE@").read()
