# family: decorators
# about: A partial of setattr as a decorator.
def f(self):
    import functools
    @functools.partial(setattr, self.friend, "count")
    def inner():
        pass
