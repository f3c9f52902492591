# family: codecs
# about: Text hidden by rot13, then run.
def f(self):
    return eval("__vzcbeg__('bf')".encode().decode("rot13"))
