# family: annotations and stubs
# about: An annotation that is a call.
def f(self):
    x: (lambda: open('@FILE@').read())() = 1
    return x
