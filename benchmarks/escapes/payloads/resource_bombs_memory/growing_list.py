# family: resource bombs: memory
# about: A list that doubles.
def f(self):
    xs = [1]
    while True:
        xs += xs
