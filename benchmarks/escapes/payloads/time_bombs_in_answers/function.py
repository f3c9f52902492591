# family: time bombs in answers
# about: A function as an answer.
def f(self):
    return lambda: open("@FILE@").read()
