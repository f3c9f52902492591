# family: outside
# about: A change of the environment.
def f(self):
    import os
    os.environ["@ENV@"] = "x"
