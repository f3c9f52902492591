# family: values that bite later
# about: A time in a zone of nearly a day.
def f(self):
    import datetime
    self.count = datetime.datetime(1, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=23, minutes=59)))
    self._p_changed = True
    return self.count
