# family: time bombs in answers
# about: Numbers that equal nothing.
def f(self):
    return {float("nan"): float("inf"), "x": [float("nan")] * 3}
