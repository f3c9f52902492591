# family: outside
# about: Descriptors that the process holds.
def f(self):
    import os
    return os.listdir("/proc/self/fd")
