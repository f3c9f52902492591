# family: codecs
# about: codecs by way of json, imported from it.
def f(self):
    from json import codecs
    return codecs.open("@FILE@").read()
