# family: codecs
# about: Text hidden in base64, then run.
def f(self):
    import base64
    exec(base64.b64decode("aW1wb3J0IG9z").decode())
