# family: frames and tracebacks
# about: sys.exc_info.
def f(self):
    import sys
    try:
        1 / 0
    except ZeroDivisionError:
        return sys.exc_info()[2].tb_frame
