# family: format widths
# about: A long text between many.
def f(self):
    return ('b' * 100000).join(['a'] * 100000)
