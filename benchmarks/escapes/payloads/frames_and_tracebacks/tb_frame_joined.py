# family: frames and tracebacks
# about: The same with names put together.
def f(self):
    try:
        1 / 0
    except ZeroDivisionError as error:
        trace = getattr(error, "__trace" + "back__")
        return getattr(trace, "tb_" + "frame").f_back.f_locals
