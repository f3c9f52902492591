# family: dunder walks
# about: By way of the method resolution order.
def f(self):
    return "".__class__.mro()[-1].__subclasses__()
