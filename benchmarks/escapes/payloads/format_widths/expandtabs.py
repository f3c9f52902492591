# family: format widths
# about: Tabs of a billion.
def f(self):
    return ('\t' * 1000).expandtabs(10 ** 9)
