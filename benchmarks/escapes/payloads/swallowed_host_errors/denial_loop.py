# family: swallowed host errors
# about: Denials, tried again and again.
def f(self):
    for _ in range(1000):
        try:
            self.launch()
        except BaseException:
            continue
