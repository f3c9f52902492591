# family: host callbacks
# about: A builtin replaced for the prelude.
def f(self):
    global isinstance
    def isinstance(a, b):
        return True
    return self.friend.echo({})
