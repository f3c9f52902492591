# family: unicode names
# about: A form feed that hides a line from whoever counts lines.
def f(self):
    x = 1
    return x
