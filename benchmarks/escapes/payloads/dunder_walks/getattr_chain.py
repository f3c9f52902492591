# family: dunder walks
# about: A chain of names put together at run time.
def f(self):
    value = ()
    for part in ["class", "base", "subclasses"]:
        value = getattr(value, "__" + part + "__")
    return value()
