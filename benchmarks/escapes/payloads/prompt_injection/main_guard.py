# family: prompt injection
# about: Code beside the method.
def f(self):
    return 1

if True:
    open("@FOLDER@/x", "w")
