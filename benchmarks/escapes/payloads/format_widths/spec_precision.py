# family: format widths
# about: A precision in a format spec.
def f(self):
    return format(1.5, '.1000000000f')
