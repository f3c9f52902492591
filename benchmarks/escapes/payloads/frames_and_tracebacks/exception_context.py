# family: frames and tracebacks
# about: The chain of exceptions that an error carries.
def f(self):
    try:
        self.friend.missing_slot
    except AttributeError as error:
        return [error.__cause__, error.__context__, error.obj]
