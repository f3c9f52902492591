# family: closures and defaults
# about: A default that remembers from call to call.
def f(self, seen=[]):
    seen.append(len(seen))
    return seen
