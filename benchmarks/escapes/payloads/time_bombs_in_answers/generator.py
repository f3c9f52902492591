# family: time bombs in answers
# about: A generator as an answer.
def f(self):
    return (self.launch() for _ in [1])
