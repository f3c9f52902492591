# family: closures and defaults
# about: A write hidden in a function that is handed away.
def f(self):
    def w(x):
        self.count = x
    return self.friend.apply_(w, 99)
