# family: resource bombs: depth and output
# about: Escape sequences printed.
def f(self):
    print(chr(27) + "[2J" + chr(27) + "]0;owned" + chr(7))
    return 1
