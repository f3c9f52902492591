# family: codecs
# about: codecs.open.
def f(self):
    import codecs
    return codecs.open("@FILE@").read()
