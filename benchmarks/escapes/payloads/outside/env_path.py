# family: outside
# about: The host's search path.
def f(self):
    import os
    return os.environ.get("PATH")
