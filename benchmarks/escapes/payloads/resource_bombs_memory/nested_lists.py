# family: resource bombs: memory
# about: Lists within lists.
def f(self):
    xs = []
    while True:
        xs = [xs, xs]
