# family: time bombs in answers
# about: An endless iterator as an answer.
def f(self):
    import itertools
    return itertools.count()
