# family: format widths
# about: A width from an argument of format.
def f(self):
    return '{:{}}'.format('a', 10 ** 9)
