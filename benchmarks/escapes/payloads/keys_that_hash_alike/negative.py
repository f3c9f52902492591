# family: keys that hash alike
# about: Negative numbers with one hash.
def f(self):
    return {-n * 2305843009213693951: 0 for n in range(30000)}
