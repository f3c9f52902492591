# family: unicode names
# about: A zero-width joiner in a name.
def f(self):
    a‍b = 1
    return a‍b
