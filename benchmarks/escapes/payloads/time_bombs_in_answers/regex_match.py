# family: time bombs in answers
# about: A match, which holds its text.
def f(self):
    import re
    return re.match("a", "a")
