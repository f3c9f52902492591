# family: shadowed names
# about: Runs a function as if another object did.
def f(self):
    return _visit(lambda o: o.items.append(1), 1, (self.friend,), {})
