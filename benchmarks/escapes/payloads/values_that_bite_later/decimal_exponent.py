# family: values that bite later
# about: A decimal that fills the memory of who writes it out.
def f(self):
    from decimal import Decimal
    self.count = Decimal('1e999999')
    self._p_changed = True
    return self.count
