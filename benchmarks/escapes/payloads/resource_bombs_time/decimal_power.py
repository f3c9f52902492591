# family: resource bombs: time
# about: A slow power of decimals.
def f(self):
    from decimal import Decimal
    return str(Decimal(3) ** (10 ** 9))[:5]
