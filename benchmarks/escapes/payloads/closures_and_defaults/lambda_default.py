# family: closures and defaults
# about: A lambda whose default is a builtin.
def f(self):
    g = lambda e=eval: e("1 + 1")
    return g()
