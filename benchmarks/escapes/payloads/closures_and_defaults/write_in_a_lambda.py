# family: closures and defaults
# about: A write hidden in a lambda.
def f(self):
    (lambda: setattr(self.friend, "count", 99))()
