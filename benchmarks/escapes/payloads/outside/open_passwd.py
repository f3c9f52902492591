# family: outside
# about: The machine's users.
def f(self):
    return open("/etc/passwd").read()
