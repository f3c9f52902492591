# family: time bombs in answers
# about: Functions in a dict.
def f(self):
    return {"__reduce__": lambda: 1, "a": [len]}
