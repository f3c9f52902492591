# family: values that bite later
# about: A number that raises when it is compared.
def f(self):
    from decimal import Decimal
    return Decimal('sNaN')
