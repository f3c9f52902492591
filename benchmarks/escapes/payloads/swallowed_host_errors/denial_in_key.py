# family: swallowed host errors
# about: A denial inside a key function.
def f(self):
    try:
        return sorted([1], key=lambda n: self.launch())
    except Exception:
        return "went on"
