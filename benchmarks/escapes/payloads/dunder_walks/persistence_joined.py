# family: dunder walks
# about: The connection by a name put together.
def f(self):
    return getattr(self, "_p_" + "jar").root()
