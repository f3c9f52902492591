# family: values that bite later
# about: A time that no other zone can tell.
def f(self):
    import datetime
    self.count = datetime.datetime.max.replace(tzinfo=datetime.timezone.utc)
    self._p_changed = True
    return self.count
