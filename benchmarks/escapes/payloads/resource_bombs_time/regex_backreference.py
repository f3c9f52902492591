# family: resource bombs: time
# about: Such a pattern with a reference.
def f(self):
    import re
    return bool(re.match(r"(x+x+)+y\1", "x" * 40))
