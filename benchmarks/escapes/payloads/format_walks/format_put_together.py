# family: format walks
# about: The format string is put together at run time.
def f(self):
    return ("{0.__cl" + "ass__}").format(self)
