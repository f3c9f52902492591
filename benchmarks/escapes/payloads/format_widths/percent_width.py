# family: format widths
# about: A width of a billion.
def f(self):
    return '%1000000000d' % 1
