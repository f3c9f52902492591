# family: closures and defaults
# about: An annotation that runs.
def f(self, x: open("@FILE@").read() = 1) -> __import__("os"):
    return x
