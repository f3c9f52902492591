# family: format widths
# about: Zeros up to ten billion.
def f(self):
    return '1'.zfill(10 ** 10)
