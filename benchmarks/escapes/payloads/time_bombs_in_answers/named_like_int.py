# family: time bombs in answers
# about: A class that calls itself int.
def f(self):
    class int:
        pass
    return int()
