# family: swallowed host errors
# about: A denial, and another error on top.
def f(self):
    try:
        self.launch()
    except BaseException as error:
        raise ValueError("nothing happened") from error
