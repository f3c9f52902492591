# family: resource bombs: memory
# about: Copies of copies.
def f(self):
    twin = self
    for _ in range(10 ** 5):
        twin = twin.clone()
    return twin
