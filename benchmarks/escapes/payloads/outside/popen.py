# family: outside
# about: A command with its output.
def f(self):
    import os
    return os.popen("env").read()
