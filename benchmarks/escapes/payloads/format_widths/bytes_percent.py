# family: format widths
# about: A width in bytes.
def f(self):
    return b'%1000000000d' % 1
