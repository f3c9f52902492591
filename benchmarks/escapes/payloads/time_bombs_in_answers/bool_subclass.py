# family: time bombs in answers
# about: A number that is none.
def f(self):
    return [True, 1, 1.0, 1 + 0j, {True: 1}]
