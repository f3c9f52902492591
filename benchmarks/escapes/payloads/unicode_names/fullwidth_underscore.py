# family: unicode names
# about: A full-width low line that folds to an underscore.
def f(self):
    return self.＿＿class＿＿
