# family: swallowed host errors
# about: The limit of memory, caught.
def f(self):
    try:
        xs = [0] * 10 ** 10
    except BaseException:
        return "went on"
