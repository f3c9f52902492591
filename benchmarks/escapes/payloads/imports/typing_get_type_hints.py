# family: imports
# about: typing evaluates texts.
def f(self):
    import typing
    return typing.get_type_hints({"x": "__import__('os')"})
