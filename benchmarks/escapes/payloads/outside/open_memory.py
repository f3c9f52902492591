# family: outside
# about: The memory of the process.
def f(self):
    return open("/proc/self/mem", "rb").read(10)
