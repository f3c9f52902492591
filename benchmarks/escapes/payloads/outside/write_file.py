# family: outside
# about: A file where none may be.
def f(self):
    open("@FOLDER@/written", "w").write("x")
