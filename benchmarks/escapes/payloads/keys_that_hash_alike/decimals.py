# family: keys that hash alike
# about: Decimals that are equal to such numbers.
def f(self):
    from decimal import Decimal
    return {Decimal(n * 2305843009213693951): 0 for n in range(30000)}
