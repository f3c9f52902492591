# family: resource bombs: time
# about: A huge factorial.
def f(self):
    import math
    return math.factorial(10 ** 6) % 7
