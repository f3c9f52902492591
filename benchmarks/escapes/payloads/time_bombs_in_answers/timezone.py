# family: time bombs in answers
# about: A time in a zone of its own.
def f(self):
    import datetime
    return datetime.datetime(2020, 1, 1, tzinfo=datetime.timezone(datetime.timedelta(hours=23, minutes=59)))
