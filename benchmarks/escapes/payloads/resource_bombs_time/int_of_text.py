# family: resource bombs: time
# about: A number read from a long text.
def f(self):
    return int("9" * 10 ** 6) % 7
