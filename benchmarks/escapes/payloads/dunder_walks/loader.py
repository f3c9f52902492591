# family: dunder walks
# about: The loader of this very module.
def f(self):
    return __loader__.load_module("os")
