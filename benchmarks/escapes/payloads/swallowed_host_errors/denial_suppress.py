# family: swallowed host errors
# about: The same by contextlib.
def f(self):
    from contextlib import suppress
    with suppress(BaseException):
        self.launch()
