# family: format widths
# about: Text in the middle of ten billion.
def f(self):
    return 'a'.center(10 ** 10, 'b')
