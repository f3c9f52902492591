# family: dunder walks
# about: The same through getattr and a name put together at run time.
def f(self):
    return getattr((), "__cl" + "ass__")
