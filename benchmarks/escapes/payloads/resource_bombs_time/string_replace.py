# family: resource bombs: time
# about: A replacement that grows.
def f(self):
    t = "a"
    while True:
        t = t.replace("a", "aa")[:10 ** 6]
