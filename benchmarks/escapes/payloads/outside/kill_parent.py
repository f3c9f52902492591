# family: outside
# about: A signal to the host.
def f(self):
    import os
    return os.kill(os.getppid(), 9)
