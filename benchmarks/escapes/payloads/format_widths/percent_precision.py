# family: format widths
# about: A precision of a billion.
def f(self):
    return '%.1000000000f' % 1.5
