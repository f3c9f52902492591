# family: outside
# about: The same by getenv.
def f(self):
    import os
    return os.getenv("@ENV@")
