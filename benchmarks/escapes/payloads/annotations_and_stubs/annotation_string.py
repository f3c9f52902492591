# family: annotations and stubs
# about: An annotation in text.
def f(self):
    x: '__import__("os").system("id")' = 1
    return x
