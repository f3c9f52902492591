# family: imports
# about: The system's randomness.
def f(self):
    import random
    return random.SystemRandom().random()
