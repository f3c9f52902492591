# family: unicode names
# about: A line separator that looks like a new line.
def f(self):
    return 1 #  import os
