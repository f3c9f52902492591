# family: format walks
# about: A format string that builds a format string.
def f(self):
    return "{{0.__cla{0}__}}".format("ss").format(())
