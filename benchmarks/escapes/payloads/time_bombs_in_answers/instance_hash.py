# family: time bombs in answers
# about: One that goes off as a key.
def f(self):
    class Bomb:
        def __hash__(self):
            raise SystemExit
        def __eq__(self, other):
            raise SystemExit
    return {1: Bomb()}
