# family: pickles
# about: A shelf, which is a file of pickles.
def f(self):
    import shelve
    return shelve.open("@FOLDER@/shelf")
