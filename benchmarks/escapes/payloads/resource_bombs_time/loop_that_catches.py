# family: resource bombs: time
# about: A loop that catches everything.
def f(self):
    while True:
        try:
            sum(range(10 ** 9))
        except BaseException:
            pass
