# family: outside
# about: The user's home.
def f(self):
    from pathlib import Path
    return str(Path.home()), str(Path.cwd())
