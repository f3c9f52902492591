# family: outside
# about: A sleep for a year.
def f(self):
    import time
    time.sleep(10 ** 7)
    return "awake"
