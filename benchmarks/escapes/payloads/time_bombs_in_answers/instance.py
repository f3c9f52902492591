# family: time bombs in answers
# about: An instance that goes off when it is shown.
def f(self):
    class Bomb:
        def __repr__(self):
            return open("@FILE@").read()
    return Bomb()
