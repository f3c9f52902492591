# family: format widths
# about: A width that is put together.
def f(self):
    n = 10 ** 9
    return f'{1:>{n}}'
