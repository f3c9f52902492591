# family: decorators
# about: Decorators called on a string, a known trick against filters of calls.
def f(self):
    @print
    @open
    @input
    class X:
        pass
