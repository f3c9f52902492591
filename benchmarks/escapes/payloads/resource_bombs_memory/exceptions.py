# family: resource bombs: memory
# about: Exceptions that hold each other.
def f(self):
    error = ValueError("x")
    while True:
        try:
            raise ValueError("x" * 1000) from error
        except ValueError as other:
            error = other
