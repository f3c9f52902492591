# family: outside
# about: A signal handler for the host.
def f(self):
    import signal
    signal.alarm(1)
