# family: outside
# about: A temporary file.
def f(self):
    import tempfile
    return tempfile.mkstemp()
