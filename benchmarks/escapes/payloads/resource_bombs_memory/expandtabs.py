# family: resource bombs: memory
# about: Tabs made wide.
def f(self):
    return ("\t" * 10 ** 5).expandtabs(10 ** 6)
