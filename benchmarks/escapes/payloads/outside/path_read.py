# family: outside
# about: pathlib.
def f(self):
    from pathlib import Path
    return Path("@FILE@").read_text()
