# family: time bombs in answers
# about: One that goes off when it is forgotten.
def f(self):
    class Bomb:
        def __del__(self):
            raise SystemExit
    return [Bomb()]
