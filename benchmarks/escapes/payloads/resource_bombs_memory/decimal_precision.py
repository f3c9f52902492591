# family: resource bombs: memory
# about: A decimal of many digits.
def f(self):
    from decimal import Decimal
    return Decimal("9" * 10 ** 8)
