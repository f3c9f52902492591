# family: keys that hash alike
# about: The same in a keyword's value.
def f(self):
    return self.friend.echo(x={n * 2305843009213693951: 0 for n in range(30000)})
