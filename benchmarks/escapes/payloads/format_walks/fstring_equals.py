# family: format walks
# about: An f-string that shows its expression.
def f(self):
    return f"{self._p_jar=}"
