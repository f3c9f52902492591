# family: outside
# about: The debugger.
def f(self):
    breakpoint()
