# family: unicode names
# about: Escape sequences that clear the terminal of whoever reads the source.
def f(self):
    # [2J[1;1Happroved
    return 1
