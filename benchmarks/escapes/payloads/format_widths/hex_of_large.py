# family: format widths
# about: A large number written down.
def f(self):
    return hex(1 << 10 ** 8)
