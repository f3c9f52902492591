# family: format widths
# about: Each character replaced by a million.
def f(self):
    return ('a' * 100000).replace('a', 'b' * 100000)
