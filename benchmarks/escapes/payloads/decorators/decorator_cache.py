# family: decorators
# about: A decorator that remembers across calls.
def f(self):
    import functools
    @functools.lru_cache(maxsize=None)
    def g(n):
        return [n]
    return g(1) is g(1)
