# family: keys that hash alike
# about: A dict of such keys in a message.
def f(self):
    return self.friend.double({n * 2305843009213693951: 0 for n in range(30000)})
