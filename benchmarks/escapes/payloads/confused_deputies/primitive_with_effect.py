# family: confused deputies
# about: A primitive that acts outside.
def f(self):
    return self.mail("root@localhost", "hello")
