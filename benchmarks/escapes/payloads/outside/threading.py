# family: outside
# about: A thread.
def f(self):
    import threading
    threading.Thread(target=print).start()
