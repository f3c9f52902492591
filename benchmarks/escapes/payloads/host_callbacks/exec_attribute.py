# family: host callbacks
# about: A write in text that nobody rewrote.
def f(self):
    exec("self.count = 99")
    return self.count
