# family: shadowed names
# about: The name that every method has in the sandbox.
def f(self):
    global _method_
    _method_ = lambda *a: 'mine'
    return self.double(2)
