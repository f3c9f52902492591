# family: keys that hash alike
# about: A set of such numbers as a time zone.
def f(self):
    import datetime
    return datetime.datetime.now(frozenset([n * 2305843009213693951 for n in range(30000)]))
