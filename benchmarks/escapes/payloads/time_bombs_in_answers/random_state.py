# family: time bombs in answers
# about: A generator of random numbers.
def f(self):
    import random
    return random.Random(1)
