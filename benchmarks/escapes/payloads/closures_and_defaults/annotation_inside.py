# family: closures and defaults
# about: An annotated variable that runs.
def f(self):
    x: open("@FILE@").read() = 1
    return x
