# family: pickles
# about: A pickle as an answer, for whoever loads it.
def f(self):
    return b"cos\nsystem\n(S'touch @FOLDER@/x'\ntR."
