# family: resource bombs: time
# about: One slow power.
def f(self):
    return pow(3, 10 ** 7) % 7
