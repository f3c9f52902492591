# family: unicode names
# about: A character by its name inside a format.
def f(self):
    return "\N{LEFT CURLY BRACKET}0.__class__}".format(())
