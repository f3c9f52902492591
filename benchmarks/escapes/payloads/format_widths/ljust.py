# family: format widths
# about: Text filled up to ten billion.
def f(self):
    return 'a'.ljust(10 ** 10)
