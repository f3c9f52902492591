# family: time bombs in answers
# about: Such a number in a slot, compared with itself when it is written again.
def f(self):
    from decimal import Decimal
    self.count = Decimal("sNaN")
    self._p_changed = True
    self.friend.double(1)
    self.count = Decimal("sNaN")
    self._p_changed = True
    return self.count
