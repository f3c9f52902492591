# family: outside
# about: A file removed.
def f(self):
    from pathlib import Path
    Path("@FILE@").unlink()
