# family: codecs
# about: A codec of one's own for the whole process.
def f(self):
    import codecs
    codecs.register(lambda name: None)
