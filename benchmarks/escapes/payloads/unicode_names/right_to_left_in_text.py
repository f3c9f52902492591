# family: unicode names
# about: The same inside a text.
def f(self):
    return "user‮ ⁦# check⁩ ⁦"
