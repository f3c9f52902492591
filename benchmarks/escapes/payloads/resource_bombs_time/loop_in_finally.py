# family: resource bombs: time
# about: A loop in finally.
def f(self):
    try:
        pass
    finally:
        while True:
            pass
