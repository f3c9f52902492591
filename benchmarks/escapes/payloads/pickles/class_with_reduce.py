# family: pickles
# about: An instance that says how it is pickled.
def f(self):
    class Bomb:
        def __reduce__(self):
            return (eval, ("1",))
    return Bomb()
