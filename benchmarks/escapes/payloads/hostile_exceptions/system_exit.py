# family: hostile exceptions
# about: Ends the process.
def f(self):
    raise SystemExit
