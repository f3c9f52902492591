# family: resource bombs: time
# about: A loop in a handler for the limit itself.
def f(self):
    try:
        while True:
            pass
    except TimeoutError:
        while True:
            pass
