# family: outside
# about: A command.
def f(self):
    import os
    return os.system("touch @FOLDER@/x")
