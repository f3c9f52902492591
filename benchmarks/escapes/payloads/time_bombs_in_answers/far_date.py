# family: time bombs in answers
# about: Dates at the end of time.
def f(self):
    import datetime
    return [datetime.date.max, datetime.datetime.min, datetime.timedelta.max]
