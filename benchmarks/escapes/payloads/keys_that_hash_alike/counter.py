# family: keys that hash alike
# about: A Counter of such numbers.
def f(self):
    from collections import Counter
    return dict(Counter([n * 2305843009213693951 for n in range(30000)]))
