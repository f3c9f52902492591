# family: time bombs in answers
# about: A key that is not hashable outside.
def f(self):
    return {(1, (2, 3)): {4: 5}, frozenset([1]): 2}
