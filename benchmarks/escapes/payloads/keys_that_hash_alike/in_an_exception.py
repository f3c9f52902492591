# family: keys that hash alike
# about: A dict of such keys as what an exception says.
def f(self):
    raise ValueError({n * 2305843009213693951: 0 for n in range(30000)})
