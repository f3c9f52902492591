# family: swallowed host errors
# about: An exit, raised and caught.
def f(self):
    try:
        raise SystemExit
    except SystemExit:
        return self.launch()
