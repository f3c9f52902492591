# family: time bombs in answers
# about: A value with a meaning of its own.
def f(self):
    return [..., NotImplemented]
