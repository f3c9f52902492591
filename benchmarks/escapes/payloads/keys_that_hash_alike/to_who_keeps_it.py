# family: keys that hash alike
# about: The same to an object that stores it.
def f(self):
    return self.friend.keep_([{n * 2305843009213693951: 0 for n in range(900)}] * 90)
