# family: outside
# about: A clock precise enough for side channels.
def f(self):
    import time
    return [time.perf_counter() for _ in range(3)]
