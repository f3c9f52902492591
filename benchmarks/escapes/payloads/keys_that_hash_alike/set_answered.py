# family: keys that hash alike
# about: A set of such numbers.
def f(self):
    return {n * 2305843009213693951 for n in range(30000)}
