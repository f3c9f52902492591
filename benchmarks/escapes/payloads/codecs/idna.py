# family: codecs
# about: A codec with a square running time.
def f(self):
    return ("a" * 200000 + ".").encode("idna")
