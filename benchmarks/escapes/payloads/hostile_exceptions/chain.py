# family: hostile exceptions
# about: An exception raised from a thousand others.
def f(self):
    error = None
    for n in range(1000):
        try:
            raise ValueError(str(n)) from error
        except ValueError as caught:
            error = caught
    raise error
