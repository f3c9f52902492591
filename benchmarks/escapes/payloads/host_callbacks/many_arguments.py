# family: host callbacks
# about: A message with very many arguments.
def f(self):
    return self.friend.echo(*range(10 ** 6))
