# family: unicode names
# about: A superscript in a name.
def f(self):
    x² = 2
    return x2
