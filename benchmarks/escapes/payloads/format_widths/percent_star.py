# family: format widths
# about: A width from an argument.
def f(self):
    return '%*d' % (10 ** 9, 1)
