# family: outside
# about: A change of a file.
def f(self):
    with open("@FILE@", "a") as file:
        file.write("x")
