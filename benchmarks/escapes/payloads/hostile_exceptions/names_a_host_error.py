# family: hostile exceptions
# about: An exception that is called as the host's.
def f(self):
    raise NotUnderstood('x')
