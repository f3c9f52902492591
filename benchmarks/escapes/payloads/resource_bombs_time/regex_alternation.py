# family: resource bombs: time
# about: Another such pattern.
def f(self):
    import re
    return bool(re.match("(a|a|a)*c", "a" * 60))
