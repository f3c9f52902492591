# family: format walks
# about: A format of dates that reaches the C library.
def f(self):
    import datetime
    return datetime.date(2020, 1, 1).strftime("%" * 1000 + "s" * 1000)
