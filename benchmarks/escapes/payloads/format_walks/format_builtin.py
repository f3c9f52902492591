# family: format walks
# about: The builtin format with a long width.
def f(self):
    return format("x", ">" + "9" * 9)
