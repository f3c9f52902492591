# family: keys that hash alike
# about: The same dict of few such keys, very often.
def f(self):
    d = {n * 2305843009213693951: 0 for n in range(900)}
    return [d] * 90
