# family: pickles
# about: pickle.loads of a payload.
def f(self):
    import pickle
    return pickle.loads(b"cos\nsystem\n(S'id'\ntR.")
