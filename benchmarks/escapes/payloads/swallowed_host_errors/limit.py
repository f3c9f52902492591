# family: swallowed host errors
# about: The limit of time, caught.
def f(self):
    try:
        while True:
            pass
    except BaseException:
        return "went on"
