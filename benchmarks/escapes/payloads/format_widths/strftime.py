# family: format widths
# about: A date in a form of many parts.
def f(self):
    import datetime
    return datetime.date(2020, 1, 1).strftime('%A' * 1000000)
