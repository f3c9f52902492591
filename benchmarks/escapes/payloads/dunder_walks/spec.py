# family: dunder walks
# about: The specification of this very module.
def f(self):
    return __spec__
