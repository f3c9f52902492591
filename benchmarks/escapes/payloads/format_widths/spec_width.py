# family: format widths
# about: A width in a format spec.
def f(self):
    return format(1, '01000000000d')
