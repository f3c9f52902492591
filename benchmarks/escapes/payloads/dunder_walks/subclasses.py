# family: dunder walks
# about: From an empty tuple to every class of the process.
def f(self):
    return [c for c in ().__class__.__bases__[0].__subclasses__() if c.__name__ == "Popen"]
