# family: dunder walks
# about: The connection to the database.
def f(self):
    return self._p_jar.root()
