# family: pickles
# about: A reducer for the whole process.
def f(self):
    import copyreg
    copyreg.pickle(int, lambda i: (eval, ("1",)))
