# family: time bombs in answers
# about: A class that calls itself list.
def f(self):
    class list:
        token = 0
    return list()
