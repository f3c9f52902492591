# family: keys that hash alike
# about: Tuples of such numbers as keys.
def f(self):
    return {(n * 2305843009213693951, 1): 0 for n in range(30000)}
