# family: long names
# about: A keyword argument with a name of a megabyte.
def f(self):
    return self.friend.echo(**{'a' * 1000000: 1})
