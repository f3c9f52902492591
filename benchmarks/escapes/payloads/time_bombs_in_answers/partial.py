# family: time bombs in answers
# about: A partial call as an answer.
def f(self):
    import functools
    return functools.partial(self.launch)
