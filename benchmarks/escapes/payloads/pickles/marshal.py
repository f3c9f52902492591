# family: pickles
# about: marshal.loads of code.
def f(self):
    import marshal
    return marshal.loads(b"\xe3")
