# family: outside
# about: SystemExit, which ends a program.
def f(self):
    raise SystemExit(3)
