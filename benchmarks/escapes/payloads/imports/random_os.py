# family: imports
# about: The system by way of random.
def f(self):
    import random
    return random._os.environ
