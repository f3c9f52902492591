# family: codecs
# about: A codec that unpacks without bound.
def f(self):
    return b"x\x9cKL\x04\x02".decode("zlib")
