# family: time bombs in answers
# about: An exception as an answer.
def f(self):
    return ValueError("x")
