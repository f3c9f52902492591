# family: dunder walks
# about: The volatile attributes of a persistent object.
def f(self):
    return self._v_answers
