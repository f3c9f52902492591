# family: time bombs in answers
# about: A tuple with names.
def f(self):
    from collections import namedtuple
    return namedtuple("P", "a")(1)
