# family: hostile exceptions
# about: Interrupts the process.
def f(self):
    raise KeyboardInterrupt
