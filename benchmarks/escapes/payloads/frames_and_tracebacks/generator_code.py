# family: frames and tracebacks
# about: The code of a generator.
def f(self):
    g = (x for x in [1])
    return g.gi_code.co_consts
