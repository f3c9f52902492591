# family: unicode names
# about: A carriage return in a comment: what follows is code to Python and comment to the eye.
def f(self):
    x = 1 # harmless     x = self.friend
    return x
