# family: outside
# about: A link to the secret.
def f(self):
    import os
    os.symlink("@FILE@", "@FOLDER@/link")
