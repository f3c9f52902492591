# family: shadowed names
# about: Names that the prelude uses at its border.
def f(self):
    str, int, list, dict, set, len = 1, 2, 3, 4, 5, 6
    return [{1}, {'a': (1,)}]
