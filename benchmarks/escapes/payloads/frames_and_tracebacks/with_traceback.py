# family: frames and tracebacks
# about: Through with_traceback.
def f(self):
    try:
        1 / 0
    except ZeroDivisionError as error:
        return error.with_traceback(None).__context__
