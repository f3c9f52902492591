# family: unicode names
# about: Full-width letters that Python folds to eval.
def f(self):
    return ｅｖａｌ("1 + 1")
