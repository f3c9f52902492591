# family: time bombs in answers
# about: A class as an answer.
def f(self):
    return [type(self), int]
