# family: frames and tracebacks
# about: From an exception to its frame.
def f(self):
    try:
        1 / 0
    except ZeroDivisionError as error:
        return error.__traceback__.tb_frame.f_globals
