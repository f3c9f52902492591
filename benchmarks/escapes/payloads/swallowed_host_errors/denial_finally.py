# family: swallowed host errors
# about: The same by a return in finally.
def f(self):
    try:
        self.launch()
    finally:
        return "went on"
