# family: outside
# about: A secret file.
def f(self):
    return open("@FILE@").read()
