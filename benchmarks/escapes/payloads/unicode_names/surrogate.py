# family: unicode names
# about: Half a character.
def f(self):
    return "\ud800"
