# family: annotations and stubs
# about: A text that the type check would work out.
def f(self):
    return 'a' * 10 ** 9
