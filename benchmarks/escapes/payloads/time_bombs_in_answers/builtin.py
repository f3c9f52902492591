# family: time bombs in answers
# about: A builtin as an answer.
def f(self):
    return [open, eval]
