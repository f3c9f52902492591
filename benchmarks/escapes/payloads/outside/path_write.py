# family: outside
# about: A file by pathlib.
def f(self):
    from pathlib import Path
    Path("@FOLDER@/x").write_text("x")
