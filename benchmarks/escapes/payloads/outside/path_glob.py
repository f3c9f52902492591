# family: outside
# about: A folder's names.
def f(self):
    from pathlib import Path
    return [str(p) for p in Path("/").glob("*")]
