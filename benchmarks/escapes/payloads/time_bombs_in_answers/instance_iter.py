# family: time bombs in answers
# about: One that never stops being walked over.
def f(self):
    class Bomb:
        def __iter__(self):
            return self
        def __next__(self):
            return 1
    return Bomb()
