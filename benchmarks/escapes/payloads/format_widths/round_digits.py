# family: format widths
# about: Rounds to a billion digits.
def f(self):
    return round(10 ** 4000, -10 ** 9), round(1.5, 10 ** 9)
