# family: outside
# about: A secret of the environment.
def f(self):
    import os
    return os.environ["@ENV@"]
