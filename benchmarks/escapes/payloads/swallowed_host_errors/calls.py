# family: swallowed host errors
# about: The limit of calls, caught.
def f(self):
    try:
        while True:
            self.double(1)
    except BaseException:
        return "went on"
