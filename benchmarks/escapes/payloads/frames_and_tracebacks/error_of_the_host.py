# family: frames and tracebacks
# about: The arguments of an error that the host raised.
def f(self):
    try:
        return self.nothing
    except AttributeError as error:
        return [str(error), list(error.args), error.name]
