# family: hostile exceptions
# about: An exception that looks like the sandbox's own.
def f(self):
    raise TimeoutError('time limit exceeded: 0s')
