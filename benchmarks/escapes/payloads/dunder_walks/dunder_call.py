# family: dunder walks
# about: Calling through __call__ and __get__.
def f(self):
    return len.__call__.__self__
