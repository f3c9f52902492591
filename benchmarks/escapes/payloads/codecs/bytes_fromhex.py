# family: codecs
# about: Code as bytes.
def f(self):
    return eval(bytes.fromhex("312b31").decode())
