# family: shadowed names
# about: A name of the form that the sandbox gives to slots.
def f(self):
    _s_count = 5
    return self.count
