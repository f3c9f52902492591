# family: outside
# about: The environment by way of the process files.
def f(self):
    return open("/proc/self/environ", "rb").read()
