# family: outside
# about: The end of the process, without a word.
def f(self):
    import os
    os._exit(3)
