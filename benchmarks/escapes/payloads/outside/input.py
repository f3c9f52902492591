# family: outside
# about: A line from the terminal.
def f(self):
    return input("password: ")
