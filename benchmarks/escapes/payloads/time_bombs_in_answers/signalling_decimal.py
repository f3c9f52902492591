# family: time bombs in answers
# about: A number that raises when it is compared.
def f(self):
    from decimal import Decimal
    return {"a": Decimal("sNaN"), "b": Decimal("1E+999999")}
