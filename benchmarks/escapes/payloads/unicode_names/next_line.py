# family: unicode names
# about: The control character for the next line.
def f(self):
    return 1 #     import os
