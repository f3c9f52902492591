# family: time bombs in answers
# about: A module as an answer.
def f(self):
    import json
    return json
