# family: frames and tracebacks
# about: The frame of a generator.
def f(self):
    g = (x for x in [1])
    return g.gi_frame.f_back.f_globals
