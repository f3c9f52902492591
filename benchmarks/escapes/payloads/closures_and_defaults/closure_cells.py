# family: closures and defaults
# about: The cells of a closure.
def f(self):
    x = self
    def inner():
        return x
    return inner.__closure__[0].cell_contents
