# family: format widths
# about: A decimal of a billion digits.
def f(self):
    from decimal import Decimal
    return format(Decimal('1e999999999'), 'f')
