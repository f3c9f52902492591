# family: swallowed host errors
# about: A denial, caught.
def f(self):
    try:
        self.launch()
    except Exception:
        pass
    return "went on"
