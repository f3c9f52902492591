# family: swallowed host errors
# about: A primitive that acts outside, caught.
def f(self):
    try:
        self.mail("x")
    except BaseException:
        return "went on"
