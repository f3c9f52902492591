# family: resource bombs: time
# about: A pattern that goes back and forth.
def f(self):
    import re
    return bool(re.match("(a+)+$", "a" * 40 + "b"))
