# family: outside
# about: The wall clock, which a replay would see otherwise.
def f(self):
    import time
    return time.time()
