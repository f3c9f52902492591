# family: outside
# about: The environment of the host.
def f(self):
    return open("/proc/1/environ", "rb").read()
