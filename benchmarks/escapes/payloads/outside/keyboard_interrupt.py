# family: outside
# about: KeyboardInterrupt, which ends a program.
def f(self):
    raise KeyboardInterrupt
