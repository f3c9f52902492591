# family: resource bombs: time
# about: A comprehension that never ends.
def f(self):
    return len([0 for a in range(10 ** 6) for b in range(10 ** 6) if False])
