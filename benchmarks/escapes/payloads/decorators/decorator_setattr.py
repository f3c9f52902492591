# family: decorators
# about: A decorator that writes another object.
def f(self):
    @(lambda g: setattr(self.friend, "count", 99))
    def inner():
        pass
