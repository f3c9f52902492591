# family: unicode names
# about: A ligature in a slot's name that folds to two letters.
def f(self):
    self.ﬁle = 1
    self._p_changed = True
    return self.file
