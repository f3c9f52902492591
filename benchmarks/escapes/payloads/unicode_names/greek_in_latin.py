# family: unicode names
# about: Greek letters among Latin ones in a name.
def f(self):
    prοcess = 1
    return prοcess
