# family: imports
# about: A submodule.
def f(self):
    import os.path
    return os.path.abspath(".")
