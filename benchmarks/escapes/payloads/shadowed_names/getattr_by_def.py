# family: shadowed names
# about: A function called as a builtin is.
def f(self):
    def getattr(o, k):
        return o
    return getattr(self, '__class__')
