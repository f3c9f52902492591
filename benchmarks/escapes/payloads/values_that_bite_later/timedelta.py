# family: values that bite later
# about: The longest time there is.
def f(self):
    import datetime
    self.count = datetime.timedelta.max
    self._p_changed = True
    return self.count
